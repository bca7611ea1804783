// The directions of ARCHITECTURE.md, enforced: `npm run structure`.
const pure = '^src/(core|merkle|note|cose|statemap|chain|verify|depa|attestation|replay|tiles)/';

/** A folder may import itself and what is listed; everything else below src/ is forbidden. */
const only = (folder, allowed) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import only: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
});

const core = ['core'];
const structures = ['core', 'merkle', 'note', 'cose', 'statemap'];
const chain = [...structures, 'chain'];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '/@types/' },
    },
    {
      name: 'pure-has-no-io',
      comment: 'pure folders run in a browser: no node: modules, no platform',
      severity: 'error',
      from: { path: pure },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-libraries',
      comment: 'pure folders use noble and scure only',
      severity: 'error',
      from: { path: pure },
      to: { path: '^node_modules/', pathNot: '^node_modules/@(noble|scure)/' },
    },
    only('core', []),
    only('merkle', core),
    only('note', core),
    only('cose', [...core, 'merkle']),
    only('statemap', core),
    only('chain', structures),
    only('verify', chain),
    only('depa', chain),
    only('attestation', [...core, 'cose']),
    only('replay', chain),
    only('tiles', structures),
    only('storage', [...core, 'platform']),
    only('platform', core),
    only('log', [...chain, 'storage', 'platform']),
    only('evidence', [...core, 'platform']),
    only('service', [...chain, 'verify', 'log', 'evidence', 'platform']),
    only('grpc', [...structures, 'service', 'proto']),
    only('http', [...structures, 'service', 'platform']),
    only('witness', [...structures, 'storage']),
    only('monitor', [
      ...[...chain, 'verify', 'replay', 'tiles', 'storage', 'platform', 'log', 'witness', 'client'],
      ...['grpc', 'proto', 'service'],
    ]),
    only('mirror', [
      ...chain,
      'verify',
      'replay',
      'tiles',
      'storage',
      'platform',
      'log',
      'service',
      'client',
    ]),
    only('fsck', [...chain, 'verify', 'replay', 'tiles', 'storage', 'platform', 'log', 'client']),
    only('backup', [...chain, 'verify', 'storage', 'platform', 'log', 'fsck']),
    only('client', [...chain, 'verify', 'proto', 'platform']),
    only('server', [
      ...chain,
      ...['verify', 'storage', 'evidence', 'platform', 'log', 'service', 'grpc', 'http', 'witness'],
      ...['replay', 'tiles', 'monitor', 'mirror', 'fsck', 'backup', 'client'],
    ]),
    only('participants', [...chain, 'verify', 'attestation', 'depa', 'client', 'platform']),
    only('cli', [
      ...[...chain, 'verify', 'attestation', 'depa', 'client', 'participants', 'platform', 'server'],
      ...['tiles', 'monitor', 'mirror', 'fsck', 'backup'],
    ]),
    {
      name: 'drivers-do-not-import-each-other',
      severity: 'error',
      from: { path: '^src/storage/(level|memory)\\.ts$' },
      to: { path: '^src/storage/(level|memory)\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
