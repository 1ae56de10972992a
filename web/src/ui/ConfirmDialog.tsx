import { Button, Group, Modal, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { messageOf } from '@/api/problems';

/**
 * Asks before what cannot be taken back. The title names the object ("Remove check shop-http?"), the button says the
 * verb. Stays open and shows the sentence when `run` fails.
 */
export function ConfirmDialog({
  opened,
  onClose,
  title,
  children,
  action,
  run,
}: {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will be lost. */
  children?: ReactNode;
  /** The verb on the button: "Remove". */
  action: string;
  run: () => Promise<unknown>;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const close = () => {
    setError('');
    onClose();
  };
  const go = async () => {
    setBusy(true);
    setError('');
    try {
      await run();
      onClose();
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={title} size={420}>
      <Text size="md" c="dimmed">
        {children}
      </Text>
      {error && (
        <Text size="md" c="var(--mantine-color-error)" mt={8} role="alert">
          {error}
        </Text>
      )}
      <Group justify="flex-end" mt={16} gap={8}>
        <Button variant="default" onClick={close} data-autofocus>
          Cancel
        </Button>
        <Button color="red" loading={busy} onClick={() => void go()}>
          {action}
        </Button>
      </Group>
    </Modal>
  );
}
