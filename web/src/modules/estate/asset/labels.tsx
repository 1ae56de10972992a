import { Button } from '@mantine/core';
import { IconPrinter, IconQrcode } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import classes from './asset.module.css';
import { labelsQuery } from './queries';

export const Route = createLazyRoute('/estate/asset-labels')({ component: Page });

function Page() {
  const [s] = useUrlState<{ tags?: string[] }>();
  const tags = s.tags ?? [];
  const query = useQuery(labelsQuery(tags));
  return (
    <>
      <div className="noprint">
        <PageHead title="Labels" parent={{ label: 'Assets', to: '/estate/assets' }}>
          <Spacer />
          <Button leftSection={<IconPrinter size={14} />} disabled={!query.data} onClick={() => window.print()}>
            Print
          </Button>
        </PageHead>
      </div>
      {tags.length === 0 ? (
        <EmptyState
          icon={IconQrcode}
          title="No asset chosen"
          hint="Open Labels from the list or the page of an asset."
        />
      ) : (
        <Loaded query={query} what="The labels" rows={6}>
          {(d) => (
            <PageBody label="Labels">
              <div className={classes.sheet}>
                {(d.items ?? []).map((l) => (
                  <div key={l.tag} className={classes.label}>
                    <svg viewBox={`0 0 ${l.size} ${l.size}`} role="img" aria-label={l.url} shapeRendering="crispEdges">
                      <path d={l.path} fill="#000" />
                    </svg>
                    <div>
                      <b>{l.tag}</b>
                      <span>{l.title}</span>
                    </div>
                  </div>
                ))}
              </div>
            </PageBody>
          )}
        </Loaded>
      )}
    </>
  );
}
