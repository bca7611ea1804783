import { memoryStorage } from '../../src/storage/memory.ts';
import { storageSuite } from './suite.ts';

storageSuite({
  name: 'memory',
  capabilities: { persistent: false, locks: false },
  medium: async () => ({ open: async () => memoryStorage(), destroy: async () => {} }),
});
