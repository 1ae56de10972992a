import { EmptyState } from '@/ui/EmptyState';
import { SevMark } from '@/ui/SevMark';
import { StatusMark, Tag } from '@/ui/StatusMark';
import classes from './outside.module.css';
import type { Tried } from './queries';

/** What a payload would become. */
export function Outcome({ tried }: { tried: Tried }) {
  return (
    <div role="status" className={classes.outcome}>
      {tried.alerts.length === 0 && tried.bad.length === 0 && (
        <EmptyState title="No alert" hint="The payload has none." small />
      )}
      {tried.bad.length > 0 && (
        <ul className={classes.bad}>
          {tried.bad.map((b) => (
            <li key={b}>{b}</li>
          ))}
        </ul>
      )}
      {tried.alerts.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th style={{ width: 100 }}>Severity</th>
              <th style={{ width: 90 }}>State</th>
              <th>Title</th>
              <th style={{ width: 120 }}>Host</th>
            </tr>
          </thead>
          <tbody>
            {tried.alerts.map((a) => (
              <tr key={`${a.key} ${a.state}`}>
                <td>
                  <SevMark severity={a.severity} />
                </td>
                <td>
                  <StatusMark state={a.state} />
                </td>
                <td>
                  {a.title}
                  {a.text && <div className="muted">{a.text}</div>}
                  <div className={classes.key}>
                    <span className="muted">key</span> <span className="mono">{a.key}</span>
                  </div>
                  <div>
                    {Object.entries(a.labels).map(([k, v]) => (
                      <Tag key={k}>
                        {k}={v}
                      </Tag>
                    ))}
                  </div>
                </td>
                <td className="mono">{a.host || <span className="muted">none</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
