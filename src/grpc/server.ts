/** The services of a log. */
import type { SurfaceOptions } from '../service/surface.ts';
import { gateService } from './gate.ts';
import { logService } from './log.ts';
import { provenanceService } from './provenance.ts';
import { registrationService } from './registration.ts';
import { createServiceServer, type GrpcServer } from './service-server.ts';
import { stateService } from './state.ts';

export type GrpcServerOptions = SurfaceOptions;

const WRITES = 'aichain.v1.RegistrationService';

export function createGrpcServer({ ledger, ...options }: GrpcServerOptions): GrpcServer {
  const { limits } = options;
  const services = {
    [WRITES]: registrationService(ledger, limits),
    'aichain.v1.LogService': logService(ledger, limits),
    'aichain.v1.StateService': stateService(ledger, limits),
    'aichain.v1.ProvenanceService': provenanceService(ledger),
    'aichain.v1.GateService': gateService(ledger),
  };
  return createServiceServer(services, {
    ...options,
    simulated: ledger.simulated,
    isServing: (service) => service !== WRITES || ledger.status().accepting,
  });
}
