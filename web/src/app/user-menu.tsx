import { ActionIcon, Avatar, Menu } from '@mantine/core';
import { IconClock, IconLogout, IconUser } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { call, http } from '@/api/client';
import { useSession } from '@/lib/session';
import { live } from '@/lib/stream';
import { setZone, useZone } from '@/lib/time';
import { failed } from '@/ui/toast';

const OwnAccount = lazy(() => import('./own-account'));

/** Who is signed in, the zone of all times, and the way out. */
export default function UserMenu({ size = 'md' }: { size?: string }) {
  const session = useSession();
  const zone = useZone();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [own, setOwn] = useState(false);
  if (!session) return null;
  const { name, email } = session.account ?? { name: 'API token', email: '' };
  const signOut = async () => {
    try {
      await call(http.DELETE('/api/v1/session'));
    } catch (e) {
      failed('Signing out', e);
      return;
    }
    live.stop();
    client.clear();
    await navigate({ to: '/login' });
  };
  return (
    <>
      <Menu position="top-start" width={220}>
        <Menu.Target>
          <ActionIcon size={size} aria-label={`Account of ${name}`}>
            <Avatar size={20} name={name} color="brand" variant="light" styles={{ placeholder: { fontSize: 10 } }} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {name}
            <br />
            {email} · {session.role}
          </Menu.Label>
          <Menu.Divider />
          {session.account && (
            <Menu.Item leftSection={<IconUser size={14} />} onClick={() => setOwn(true)}>
              Your account
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconClock size={14} />} onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')}>
            {zone === 'utc' ? 'Show times in local zone' : 'Show times in UTC'}
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={14} />} onClick={() => void signOut()}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {own && (
        <Suspense>
          <OwnAccount opened onClose={() => setOwn(false)} />
        </Suspense>
      )}
    </>
  );
}
