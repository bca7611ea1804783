/**
 * Watching a log: its heads held against each other, its entries replayed, its state compared, alarms with their evidence.
 * A monitor believes nothing but its trust file; that of its operator is the only word it gives.
 */
export {
  type Alarm,
  type AlarmSeverity,
  MONITOR_ALARMS,
} from './alarm.ts';
export {
  Monitor,
  type MonitoredLog,
  type MonitorOptions,
  type MonitorStatus,
  type Peer,
} from './monitor.ts';
