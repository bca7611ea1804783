// A verifier at work: follows a log, appraises the evidence that rooms of its contracts list, and says on the log what it is
// worth. Built on the client only: everything that it judges by was proven to it, but for the evidence, which it judges.
export { AppraiserService, type Outcome } from './appraiser.ts';
export { Docket } from './docket.ts';
export { DocketFile } from './docket-file.ts';
