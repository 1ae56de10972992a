import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { fromInput, toInput, useZone } from '@/lib/time';

/** A time in the zone of the page. Value and change are ISO times; '' is none. */
export function DateTimeField({
  label,
  value,
  onChange,
  error,
  description,
  withAsterisk,
}: {
  label: string;
  value: string;
  onChange: (iso: string) => void;
  error?: React.ReactNode;
  description?: string;
  withAsterisk?: boolean;
}) {
  const zone = useZone();
  const [text, setText] = useState(() => toInput(value, zone));
  useEffect(() => {
    setText((old) => (fromInput(old, zone) === value ? old : toInput(value, zone)));
  }, [value, zone]);
  return (
    <TextInput
      type="datetime-local"
      label={zone === 'utc' ? `${label} (UTC)` : label}
      description={description}
      withAsterisk={withAsterisk}
      error={error}
      value={text}
      onChange={(e) => {
        setText(e.currentTarget.value);
        onChange(fromInput(e.currentTarget.value, zone));
      }}
    />
  );
}
