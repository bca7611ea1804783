/** policy-in.json, the containers of a clean room, as the body of code.certify: images by what they are, never by a tag. */
import type { Desk, ImportedBody } from './import.ts';
import { urnAt } from './objects.ts';
import type { Pipeline } from './pipeline.ts';

const PINNED = /^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$/;

export function certifiedCode(desk: Desk, pipeline: Pipeline | undefined): ImportedBody {
  const { policy, overlay, origin } = desk;
  const say = overlay.at('code');
  const containers = policy.at('containers').items();
  if (containers.length === 0) policy.at('containers').problem('SCHEMA_INVALID', 'no containers');
  const images = containers.map((container) => {
    const image = container.at('containerImage');
    // An image is named in the overlay by what the file calls it.
    const pinned = image.or(say.at('images', String(image.value)));
    const name = pinned.text();
    if (name === undefined || PINNED.test(name)) return name;
    return pinned.problem(
      'CODE_IMAGE_NOT_PINNED',
      `${JSON.stringify(name)} does not say which image: name@sha256:… does`,
    );
  });
  const frameworks = say.at('frameworks').maybe((place) => place.list((item) => item.text()));
  const body = {
    id: urnAt(say.at('id'), 'code', origin),
    images,
    hostData: say.at('hostData').list((item) => item.digest()),
    ledgerTrust: say.at('ledgerTrust').digest(),
    frameworks: frameworks ?? pipeline?.stages.slice(-1) ?? [],
    accountant: say.at('accountant').maybe((place) => ({
      name: place.at('name').text(),
      trusted: place.at('trusted').bool(),
    })),
    debug: say.at('debug').maybe((place) => place.bool()) ?? false,
    allowAll: say.at('allowAll').maybe((place) => place.bool()) ?? false,
    notAfter: say.at('notAfter').maybe((place) => place.date()),
  };
  return { kind: 'code.certify', name: 'code.certify', signer: undefined, body };
}
