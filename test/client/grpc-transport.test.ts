import { honestLog } from './honest.ts';

honestLog('grpc');
