import '@mantine/spotlight/styles.css';
import { useDebouncedValue } from '@mantine/hooks';
import { createSpotlight, Spotlight } from '@mantine/spotlight';
import { IconClock, IconKeyboard, IconMoon, IconSearch } from '@tabler/icons-react';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call, http } from '@/api/client';
import { messageOf } from '@/api/problems';
import type { NavEntry } from '@/lib/module';
import { useCan } from '@/lib/permissions';
import { setZone, useZone } from '@/lib/time';
import classes from './palette.module.css';
import { paletteActions } from './registry';

const [store, spotlight] = createSpotlight();

interface Props {
  opened: boolean;
  onClose: () => void;
  toggleTheme: () => void;
  showKeys: () => void;
  entries: NavEntry[];
}

/** Search over all things, pages and commands. */
export default function Palette({ opened, onClose, toggleTheme, showKeys, entries }: Props) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const can = useCan();
  const zone = useZone();
  const [query, setQuery] = useState('');
  const [term] = useDebouncedValue(query.trim(), 120);
  useEffect(() => {
    if (opened) spotlight.open();
  }, [opened]);

  const hits = useQuery({
    queryKey: ['search', term],
    enabled: opened && term.length > 1,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/search', { params: { query: { q: term.slice(0, 200), limit: 12 } }, signal })),
  });
  const found = term.length > 1 ? (hits.data?.items ?? []) : [];
  const kinds = [...new Set(found.map((h) => h.kind))];

  // Results arrive after the keys: Enter means the first line that is shown, not the one that was first before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: they say when the list has changed
  useEffect(() => {
    if (!opened) return;
    const all = document.querySelectorAll<HTMLElement>(`.${classes.action}[data-action]`);
    for (const el of all) el.removeAttribute('data-selected');
    if (query.trim()) all[0]?.setAttribute('data-selected', 'true');
    store.updateState((s) => ({ ...s, selected: query.trim() && all.length ? 0 : -1 }));
  }, [opened, query, hits.data]);

  const needle = query.toLowerCase().trim();
  const match = (s: string) => s.toLowerCase().includes(needle);
  const pages = entries.filter((n) => match(n.label));
  const commands = [
    ...paletteActions
      .filter((a) => can(a.permission))
      .map((a) => ({
        label: a.label,
        words: a.keywords ?? '',
        icon: a.icon,
        keys: '',
        run: () => (a.to ? void navigate({ to: a.to }) : a.run?.({ queryClient })),
      })),
    { label: 'Switch between light and dark', words: 'theme color', icon: IconMoon, keys: 'Ctrl J', run: toggleTheme },
    {
      label: zone === 'utc' ? 'Show times in local zone' : 'Show times in UTC',
      words: 'time zone clock',
      icon: IconClock,
      keys: '',
      run: () => setZone(zone === 'utc' ? 'local' : 'utc'),
    },
    { label: 'Keyboard help', words: 'keys shortcuts', icon: IconKeyboard, keys: '?', run: showKeys },
  ].filter((a) => match(`${a.label} ${a.words}`));

  const nothing = !pages.length && !commands.length && !found.length;
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={onClose}
      shortcut={null}
      centered={false}
      size={600}
      attributes={{ content: { 'aria-label': 'Search and commands' } }}
      classNames={{
        action: classes.action,
        actionsGroup: classes.group,
        search: classes.search,
        content: classes.content,
      }}
      yOffset="14vh"
      transitionProps={{ duration: 90 }}
      scrollable
      maxHeight={420}
      overlayProps={{ blur: 1, backgroundOpacity: 0.45 }}
    >
      <Spotlight.Search
        placeholder="Search items, checks, incidents, or run a command"
        aria-label="Search and commands"
        leftSection={<IconSearch size={15} />}
      />
      <Spotlight.ActionsList>
        {kinds.map((kind) => (
          <Spotlight.ActionsGroup key={kind} label={`${kind.charAt(0).toUpperCase()}${kind.slice(1)}s`}>
            {found
              .filter((h) => h.kind === kind)
              .map((h) => (
                <Spotlight.Action
                  key={`${h.kind}:${h.name}`}
                  label={h.title || h.name}
                  description={h.title && h.title !== h.name ? h.name : undefined}
                  leftSection={<IconSearch size={15} stroke={1.7} />}
                  onClick={() => void navigate({ to: h.url as string })}
                />
              ))}
          </Spotlight.ActionsGroup>
        ))}
        {pages.length > 0 && (
          <Spotlight.ActionsGroup label="Go to">
            {pages.map((p) => (
              <Spotlight.Action
                key={p.to}
                label={p.label}
                leftSection={<p.icon size={15} stroke={1.7} />}
                rightSection={<kbd>{p.chord}</kbd>}
                onClick={() => void navigate({ to: p.to })}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {commands.length > 0 && (
          <Spotlight.ActionsGroup label="Commands">
            {commands.map((p) => (
              <Spotlight.Action
                key={p.label}
                label={p.label}
                leftSection={<p.icon size={15} stroke={1.7} />}
                rightSection={p.keys ? <kbd>{p.keys}</kbd> : undefined}
                onClick={p.run}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {(nothing || hits.isError) && (
          <Spotlight.Empty>
            {hits.isError
              ? messageOf(hits.error)
              : hits.isFetching
                ? 'Searching'
                : 'No match. Try a host, a check, an incident number or a command.'}
          </Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
