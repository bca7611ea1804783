import { honestLog } from './honest.ts';

honestLog('http');
