/** `aichain gate`: may a step of the lifecycle be taken now? Asks the log, and decides here from what it proves. */
import { Command } from 'commander';
import type { GateStep, RequestOf } from '../chain/index.ts';
import { proven, verifyBundle, withoutConsistency } from '../verify/index.ts';
import { bundleFinding, bundleJson, throwDenial } from './bundle-finding.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { writeOutput } from './files.ts';
import { questionOf, REQUEST_HELP, STEPS } from './gate-question.ts';
import { findingText } from './ladder-text.ts';

interface Options extends ConnectionOptions {
  readonly request: string;
  readonly out?: string;
  readonly insecureTrustOperator?: boolean;
}

export function gate(context: Context): Command {
  const command = new Command('gate')
    .summary('ask whether a step may be taken now')
    .description(
      `Asks the log whether a step of the lifecycle may be taken now, and verifies the answer: the decision is made here, from what is proven. The steps are ${STEPS.join(', ')}. A denial ends with exit code 14. Nonces of key.release are not looked after: a key management service uses the SDK.`,
    )
    .argument('<step>', 'what would be done, such as contract.activate')
    .requiredOption('--request <json>', REQUEST_HELP)
    .option('--out <file>', 'keep the proof bundle, for `aichain verify bundle`')
    .option('--insecure-trust-operator', 'accept the state on the operator’s word; every answer says so');
  return addConnectionOptions(command).action(async (step: string, options: Options) => {
    const { crypto } = context;
    const output = outputOf(context, options);
    const question = await questionOf(context, step, options.request);
    using connection = await connect(context, options);
    const { client, transport, trust, call } = connection;
    const { marks } = client;
    const request = plain(question.request) as RequestOf<GateStep>;
    const bundle = await transport.gate(step as GateStep, request, marks.logged?.size, call());
    const verification = verifyBundle({
      ...{ crypto, trust, bundle, question, marks, now: Date.now() },
      insecureTrustOperator: options.insecureTrustOperator ?? false,
    });
    const found = bundleFinding(step, trust, verification);
    output.answer(bundleJson(found), findingText(output, found));
    const verified = proven(verification);
    // The marks go up to a tree that extends the one that was decided by.
    await client.consistency(verified.head, connection.options);
    if (options.out !== undefined) await writeOutput(options.out, withoutConsistency(bundle));
    throwDenial(verified);
  });
}

/** Maps as objects: what the transports take. */
function plain(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(plain);
  if (!(item instanceof Map)) return item;
  return Object.fromEntries([...item].map(([name, value]) => [name, plain(value)]));
}
