import { Button } from '@mantine/core';
import { IconMapPinOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead } from '@/ui/PageHead';

export function NotFound() {
  return (
    <>
      <PageHead title="Not found" />
      <EmptyState
        icon={IconMapPinOff}
        title="There is no such page"
        hint="The link may be old, or the thing was removed."
      >
        <Button variant="default" component={Link} to="/">
          Go to the start
        </Button>
      </EmptyState>
    </>
  );
}
