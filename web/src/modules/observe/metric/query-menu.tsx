import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconBellPlus, IconDotsVertical, IconEye, IconEyeOff, IconHistory, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import classes from './metric.module.css';

/** What can be done with one query, and the queries before. */
export function QueryMenu({
  query,
  letter,
  on,
  rule,
  format,
  history,
  onPick,
  onToggle,
  onRemove,
}: {
  query: string;
  letter: string;
  on: boolean;
  rule: boolean;
  format?: string;
  history: string[];
  onPick: (q: string) => void;
  onToggle: () => void;
  onRemove: () => void;
}) {
  const q = query.trim();
  return (
    <div className={classes.queryTools}>
      <Menu position="bottom-end" width={420}>
        <Menu.Target>
          <Tooltip label="Queries before">
            <ActionIcon variant="subtle" size={28} aria-label={`Queries before, for ${letter}`}>
              <IconHistory size={14} />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown mah={360} style={{ overflow: 'auto' }}>
          {history.length === 0 && <Menu.Label>What you run is kept here, in this browser.</Menu.Label>}
          {history.map((h) => (
            <Menu.Item key={h} className="mono" onClick={() => onPick(h)} style={{ overflowWrap: 'anywhere' }}>
              {h}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" size={28} aria-label={`More for query ${letter}`}>
            <IconDotsVertical size={14} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {rule && (
            <Menu.Item
              leftSection={<IconBellPlus size={13} />}
              disabled={!q}
              component={Link}
              {...({ to: '/detect/rules/new', search: { expr: q } } as object)}
            >
              Make it a rule
            </Menu.Item>
          )}
          <Menu.Item disabled={!format || format === q} onClick={() => format && onPick(format)}>
            Lay out the query
          </Menu.Item>
          <Menu.Item
            leftSection={on ? <IconEyeOff size={13} /> : <IconEye size={13} />}
            disabled={!q}
            onClick={onToggle}
          >
            {on ? 'Hide' : 'Show'}
          </Menu.Item>
          <Menu.Item leftSection={<IconTrash size={13} />} onClick={onRemove}>
            Remove
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
