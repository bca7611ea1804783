// What becomes of an alarm: evidence in files, a place in the alarm log, and whoever is told of it. And the watch rules,
// which raise alarms of their own. What the monitor itself watches for is in ../.
export type { AlarmLog } from './alarm-log.ts';
export { PROOF_FILE } from './case-file.ts';
export { AlarmDesk, caseFolder } from './desk.ts';
export { createMonitorMetrics, type MonitorMetrics } from './metrics.ts';
export { type AlarmOutputs, type RunningAlarms, startAlarms } from './outputs.ts';
export { WATCH_RULES } from './rules/index.ts';
export { formatAlarm, type StoredAlarm } from './stored-alarm.ts';
export { RuleWatch } from './watch.ts';
