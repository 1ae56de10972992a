import { describe, expect, it } from 'vitest';
import { labelsOf, labelsText, PROGRAMS, programTitle, tidy } from './model';

describe('programs', () => {
  it('names the address in what is pasted', () => {
    const prom = PROGRAMS[0]?.paste?.text('https://mainstay.example.org:8443/ingest/alertmanager') ?? '';
    expect(prom).toContain('scheme: https\n');
    expect(prom).toContain('["mainstay.example.org:8443"]');
    const am = PROGRAMS[1]?.paste?.text('http://m/ingest/alertmanager/webhook') ?? '';
    expect(am).toContain('url: http://m/ingest/alertmanager/webhook');
    expect(programTitle('newrelic')).toBe('New Relic');
    expect(programTitle('other')).toBe('other');
  });
  it('pastes JSON for Datadog', () => {
    const text = PROGRAMS.find((p) => p.name === 'datadog')?.paste?.text('');
    expect(Object.keys(JSON.parse(text ?? ''))).toContain('alert_id');
  });
});

describe('mappings', () => {
  it('drops what is empty', () => {
    expect(tidy({ key: '{{id}}', title: 't', text: '', over: [], host: '{{h}}' })).toEqual({
      key: '{{id}}',
      title: 't',
      host: '{{h}}',
    });
  });
  it('reads labels by line', () => {
    const m = labelsOf('env={{env}}\nbad line\n team = a=b ');
    expect(m).toEqual({ env: '{{env}}', team: 'a=b' });
    expect(labelsOf(labelsText(m))).toEqual(m);
    expect(labelsText(undefined)).toBe('');
  });
});
