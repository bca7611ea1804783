/**
 * The HTTP surface: C2SP tiles, SCRAPI, JSON under /v1, and what operators look at. Thin adapters over the Ledger
 * interface; no rule of the log lives here, and nothing here imports the log or its storage.
 */
export { createHttpServer, type HttpServer } from './server.ts';
