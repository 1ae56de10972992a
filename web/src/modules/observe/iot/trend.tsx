import { useQuery } from '@tanstack/react-query';
import { quoted, range } from '@/lib/prom';
import { Sparkline } from '@/ui/StateStrip';
import { mainFigures } from './model';
import type { Device } from './queries';

/** The first figure of a device over the last day. */
export function Trend({ device: d }: { device: Device }) {
  const f = mainFigures(d)[0];
  const q = useQuery({
    queryKey: ['iot', 'trend', d.item, f?.metric, f?.sensor],
    enabled: !!f && !!d.item,
    staleTime: 300_000,
    queryFn: ({ signal }) => {
      const now = Math.floor(Date.now() / 900_000) * 900 + 900;
      const sensor = f?.sensor ? `,sensor=${quoted(f.sensor)}` : '';
      return range(
        `avg_over_time(${f?.metric}{item=${quoted(d.item ?? '')}${sensor}}[15m])`,
        now - 86_400,
        now,
        900,
        signal,
      );
    },
  });
  const values = q.data?.[0]?.y.filter((v): v is number => v !== null) ?? [];
  return values.length > 1 ? <Sparkline values={values} width={100} /> : <span className="muted">–</span>;
}
