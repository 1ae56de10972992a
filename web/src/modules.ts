// The one list of the modules of the UI. A module is a folder under src/modules/<wing>/ that exports `module`.
// To add one: import it here and name it in the list.

import { module as outside } from './modules/detect/outside/module';
import { module as pattern } from './modules/detect/pattern/module';
import { module as rule } from './modules/detect/rule/module';
import { module as address } from './modules/estate/address/module';
import { module as asset } from './modules/estate/asset/module';
import { module as discovery } from './modules/estate/discovery/module';
import { module as health } from './modules/estate/health/module';
import { module as itemImport } from './modules/estate/import/module';
import { module as inventory } from './modules/estate/inventory/module';
import { module as topology } from './modules/estate/topology/module';
import { module as agent } from './modules/observe/agent/module';
import { module as check } from './modules/observe/check/module';
import { module as device } from './modules/observe/device/module';
import { module as edge } from './modules/observe/edge/module';
import { module as flow } from './modules/observe/flow/module';
import { module as ingest } from './modules/observe/ingest/module';
import { module as iot } from './modules/observe/iot/module';
import { module as log } from './modules/observe/log/module';
import { module as metric } from './modules/observe/metric/module';
import { module as packet } from './modules/observe/packet/module';
import { module as path } from './modules/observe/path/module';
import { module as scrape } from './modules/observe/scrape/module';
import { module as trace } from './modules/observe/trace/module';
import { module as trap } from './modules/observe/trap/module';
import { module as overview } from './modules/overview/home/module';
import { module as dashboard } from './modules/report/dashboard/module';
import { module as kpi } from './modules/report/kpi/module';
import { module as alert } from './modules/respond/alert/module';
import { module as incident } from './modules/respond/incident/module';
import { module as notify } from './modules/respond/notify/module';
import { module as oncall } from './modules/respond/oncall/module';
import { module as settings } from './modules/settings/system/module';

export const modules = [
  overview,
  inventory,
  discovery,
  topology,
  address,
  asset,
  health,
  agent,
  check,
  device,
  edge,
  trace,
  metric,
  rule,
  pattern,
  outside,
  trap,
  path,
  packet,
  log,
  flow,
  ingest,
  scrape,
  iot,
  incident,
  alert,
  oncall,
  notify,
  dashboard,
  kpi,
  settings,
  itemImport,
] as const;
