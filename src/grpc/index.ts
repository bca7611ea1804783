/**
 * The gRPC surface: thin adapters from proto/ to the Ledger interface, and the standard health and reflection
 * services. No rule of the log lives here, and nothing here imports the log or its storage.
 */
export { type Method, serverStream } from './method.ts';
export { createGrpcServer } from './server.ts';
export { createServiceServer, type GrpcServer } from './service-server.ts';
