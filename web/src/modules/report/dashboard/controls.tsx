import { ActionIcon, MultiSelect, Select, TextInput } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { Toolbar } from '@/ui/PageHead';
import { TimeRange } from '@/ui/TimeRange';
import { ALL, readValues, writeValues } from './model';
import type { Spec, Values, Variable } from './queries';
import { REFRESH, type Search } from './use-look';

const everything = { value: ALL, label: 'All' };

function Choice({
  v,
  options,
  value,
  onChange,
}: {
  v: Variable;
  options: string[] | undefined;
  value: string[];
  onChange: (v: string[]) => void;
}) {
  const label = v.label || v.name;
  if (v.kind === 'text')
    return (
      <TextInput
        key={value[0]}
        aria-label={label}
        placeholder={label}
        defaultValue={value[0] ?? ''}
        w={150}
        onBlur={(e) => e.currentTarget.value !== (value[0] ?? '') && onChange([e.currentTarget.value])}
        onKeyDown={(e) => e.key === 'Enter' && onChange([e.currentTarget.value])}
      />
    );
  const data = [
    ...(v.all ? [everything] : []),
    ...[...new Set([...(options ?? []), ...value.filter((x) => x !== ALL)])].map((x) => ({ value: x, label: x })),
  ];
  if (!v.multi)
    return (
      <Select
        aria-label={label}
        placeholder={label}
        data={data}
        value={value[0] ?? null}
        searchable
        w={190}
        nothingFoundMessage="None"
        onChange={(x) => x && onChange([x])}
      />
    );
  return (
    <MultiSelect
      aria-label={label}
      placeholder={value.length ? undefined : label}
      data={data}
      value={value}
      searchable
      miw={190}
      maw={420}
      nothingFoundMessage="None"
      onChange={(x) => {
        // All and single values exclude each other; the later choice counts.
        const last = x.at(-1);
        onChange(last === ALL ? [ALL] : x.filter((y) => y !== ALL));
      }}
    />
  );
}

/** The line below the heading: choices, time and how often. */
export function Controls({
  spec,
  search: s,
  set,
  values,
  options,
  fallback,
  onReload,
}: {
  spec: Spec;
  search: Search;
  set: (p: Partial<Search>) => void;
  values: Values | undefined;
  options: Values | undefined;
  fallback: string;
  onReload: () => void;
}) {
  const every = s.refresh ?? spec.refresh ?? 'off';
  return (
    <Toolbar>
      {(spec.variables ?? []).map((v) => (
        <span key={v.name} style={{ display: 'inline-flex', alignItems: 'center', gap: 6 }}>
          <span className="muted">{v.label || v.name}</span>
          <Choice
            v={v}
            options={options?.[v.name]}
            value={values?.[v.name] ?? []}
            onChange={(x) => {
              const next = readValues(s.var);
              if (x.length) next[v.name] = x;
              else delete next[v.name];
              set({ var: writeValues(next) });
            }}
          />
        </span>
      ))}
      <span style={{ flex: 1 }} />
      <TimeRange value={s} onChange={(r) => set(r)} fallback={fallback} />
      <Select
        aria-label="Refresh"
        w={92}
        allowDeselect={false}
        data={REFRESH.some((r) => r.value === every) ? REFRESH : [...REFRESH, { value: every, label: every }]}
        value={every}
        onChange={(r) => set({ refresh: r === (spec.refresh || 'off') ? undefined : (r ?? undefined) })}
      />
      <ActionIcon variant="default" size={30} aria-label="Ask again now" onClick={onReload}>
        <IconRefresh size={15} />
      </ActionIcon>
    </Toolbar>
  );
}
