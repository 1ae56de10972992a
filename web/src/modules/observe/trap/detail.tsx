import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { CopyButton } from '@/ui/CopyButton';
import { KeyValue } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { itemURL, type Trap, trapsURL, valuesText, varName } from './model';

/** Everything that was in one trap. */
export function TrapDetail({ trap: t }: { trap: Trap }) {
  const may = useCan()('check.write');
  const storm = t.kind === 'storm';
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 16 }}>
      {(t.state || t.means) && (
        <div style={{ display: 'flex', gap: 10, alignItems: 'baseline', flexWrap: 'wrap' }}>
          {t.state && <StatusMark state={t.state} />}
          <span>{t.means}</span>
        </div>
      )}
      {storm && <div>{valuesText(t)} Checks heard them nevertheless.</div>}
      <KeyValue
        rows={[
          ['Came', <Time key="t" at={t.at} mode="absolute" />],
          ['Last', t.count > 1 ? <Time key="l" at={t.last_at} mode="absolute" /> : undefined],
          ['Times', t.count > 1 ? integer(t.count) : undefined],
          [
            'Item',
            t.item ? (
              <Link key="i" to={itemURL(t.item)}>
                {t.item}
              </Link>
            ) : undefined,
          ],
          [
            'Address',
            <Link key="a" to={trapsURL(`address=${encodeURIComponent(t.address)}`)}>
              {t.address}
            </Link>,
          ],
          ['Sent on by', t.via],
          [
            'Came through',
            t.edge && (
              <Link key="e" to={`/observe/edges/${encodeURIComponent(t.edge)}` as string}>
                edge {t.edge}
              </Link>
            ),
          ],
          ['Kind', storm ? undefined : `${t.inform ? 'inform' : 'trap'} of SNMP v${t.version}`],
          ['Known by', t.credential],
          [
            'OID',
            t.oid ? (
              <span key="o" style={{ display: 'inline-flex', gap: 6, alignItems: 'center', minWidth: 0 }}>
                <span className="mono" style={{ overflowWrap: 'anywhere' }}>
                  {t.oid}
                </span>
                <CopyButton value={t.oid} label="Copy the OID" />
              </span>
            ) : undefined,
          ],
        ]}
      />
      {!storm && (
        <section aria-label="Values">
          <h3 style={{ fontSize: 13, margin: '0 0 6px' }}>Values</h3>
          {t.vars.length === 0 ? (
            <span className="muted">It has none.</span>
          ) : (
            <table className="plain">
              <tbody>
                {t.vars.map((v) => (
                  <tr key={v.oid}>
                    <td className={v.name ? undefined : 'mono'} title={v.oid} style={{ overflowWrap: 'anywhere' }}>
                      {varName(v)}
                    </td>
                    <td style={{ overflowWrap: 'anywhere' }}>{v.text}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
      )}
      {!storm && (
        <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap' }}>
          <Button variant="default" component={Link} to={trapsURL(`trap=${encodeURIComponent(t.name || t.oid || '')}`)}>
            All of these
          </Button>
          {may && (
            <Button
              variant="default"
              component={Link}
              to={
                `/observe/checks/new?type=trap&trap=${encodeURIComponent(t.name || t.oid || '')}${t.item ? `&item=${encodeURIComponent(t.item)}` : ''}` as string
              }
            >
              Add a check for it
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
