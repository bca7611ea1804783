// What becomes of an alarm: evidence in files, a place in the alarm log, and whoever is told of it. And the watch rules,
// which raise alarms of their own. What the monitor itself watches for is in ../.
export { type AlarmOutputs, type RunningAlarms, startAlarms } from './outputs.ts';
export { WATCH_RULES } from './rules/index.ts';
export { RuleWatch } from './watch.ts';
