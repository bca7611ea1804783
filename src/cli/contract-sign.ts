/**
 * `aichain contract sign`: a party accepts a proposal, or declines it, with its own key, here. It signs only the text that it
 * has before it: what the log has under that name is proven, and compared with the file.
 */
import { Command } from 'commander';
import { CONTRACT, isDid, isUrn, signStatement } from '../chain/index.ts';
import { equal, toBase64url } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { deliver, readInput } from './files.ts';

interface Options extends ConnectionOptions {
  readonly key: string;
  readonly issuer: string;
  readonly text: string;
  readonly decline?: boolean;
  readonly out?: string;
}

export function contractSign(context: Context): Command {
  const command = new Command('sign')
    .summary('accept a proposed contract, or decline it, as one of its signatories')
    .description(
      'Looks up the proposal in the log, verifies it, compares its text with the file, and signs: what is signed names the very proposal. The statement is registered, or with --out written to a file, to be passed on by a contract service.',
    )
    .argument('<contract>', 'URN of the contract')
    .requiredOption('--key <file>', 'private key of the signatory')
    .requiredOption('--issuer <did>', 'DID of the signatory')
    .requiredOption('--text <file>', 'the contract’s text, as it was read and agreed to')
    .option('--decline', 'decline it instead')
    .option('--out <file>', 'write the statement there, and register nothing');
  return addConnectionOptions(command).action(async (id: string, options: Options) => {
    const { crypto, terminal } = context;
    const { issuer, out } = options;
    const output = outputOf(context, options);
    if (!isUrn(id, 'contract')) throw fail('ID_MALFORMED', `${id} is not the URN of a contract`);
    if (!isDid(issuer)) throw fail('ID_MALFORMED', '--issuer is not a DID');
    const key = decodePrivateKey(crypto, (await readInput(terminal, options.key)).bytes);
    const digest = crypto.sha256((await readInput(terminal, options.text)).bytes);
    using connection = await connect(context, options);
    const { client } = connection;
    const { values } = await client.facts([CONTRACT.key(id)], connection.options);
    if (!values[0]) throw new LedgerError('CONTRACT_NOT_FOUND', `the log has no contract ${id}`);
    const { version, text, proposal, signatories } = CONTRACT.decode(values[0]);
    if (!equal(text, digest)) {
      throw new LedgerError('CONTRACT_DIGEST_MISMATCH', 'the proposal is of another text than the file');
    }
    if (!signatories.includes(issuer)) {
      throw new LedgerError('NOT_A_SIGNATORY', `the contract does not ask for the signature of ${issuer}`);
    }
    const kind = options.decline ? 'contract.decline' : 'contract.sign';
    const statement = signStatement(crypto, key, {
      ...{ log: connection.trust.origin, kind, issuer, subject: id },
      issuedAt: Math.floor(Date.now() / 1000),
      body: { id, version, text, proposal },
    });
    if (out !== undefined) {
      await deliver(output, out, statement);
      output.progress(`${kind} of ${id}, not registered yet`);
      return;
    }
    const { index, entryId } = await client.register(statement, connection.options);
    output.answer(
      { kind, contract: id, index, entryId: toBase64url(entryId) },
      `${kind}  entry ${index}\nentry id  ${toBase64url(entryId)}`,
    );
  });
}
