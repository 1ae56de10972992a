import { Button, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { messageOf } from '@/api/problems';

/** Says that something was done; `undo` offers to take it back. */
export function done(message: string, undo?: () => void): void {
  const id = `t${++count}`;
  notifications.show({
    id,
    autoClose: undo ? 10_000 : 4000,
    closeButtonProps: CLOSE,
    message: undo ? (
      <Group justify="space-between" wrap="nowrap">
        {message}
        <Button
          variant="default"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          Undo
        </Button>
      </Group>
    ) : (
      message
    ),
  });
}
let count = 0;
const CLOSE = { 'aria-label': 'Close this note' };

/** Says that something failed: failed('Acknowledging INC-12', error). */
export function failed(what: string, error: unknown): void {
  notifications.show({
    color: 'red',
    title: `${what} failed`,
    message: messageOf(error),
    autoClose: 10_000,
    closeButtonProps: CLOSE,
  });
}
