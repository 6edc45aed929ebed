// Who may import whom (docs/decisions/0001-layout-and-import-rules.md). Each rule is proved by a planted violation in app/checks/import-rules.spec.ts.
const APPLICATIONS = 'command-api|projections|query-api|process-managers|realtime';
const SPECS = '\\.(spec|examples)\\.ts$|given-when-then\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'The rules know no framework, no I/O and no vendor: domain imports itself, zod and node:crypto.',
      severity: 'error',
      from: { path: '^domain/', pathNot: SPECS },
      to: { pathNot: ['^domain/', '(^|/)node_modules/zod/', '^(node:)?crypto$'] },
    },
    {
      name: 'domain-contexts-are-apart',
      comment: 'A bounded context never imports another one. What it must know of others arrives as facts (domain/facts.ts).',
      severity: 'error',
      from: { path: '^domain/(?!kernel/)([^/]+)/' },
      to: { path: '^domain/', pathNot: ['^domain/kernel/', '^domain/$1/'] },
    },
    {
      name: 'kernel-stands-alone',
      comment: 'The kernel knows no context.',
      severity: 'error',
      from: { path: '^domain/kernel/' },
      to: { path: '^domain/(?!kernel/)' },
    },
    {
      name: 'applications-are-apart',
      comment: 'The five applications meet in events, never in imports; query-api alone may name a read model and its row type.',
      severity: 'error',
      from: { path: '^(command-api|projections|process-managers|realtime)/' },
      to: { path: `^(${APPLICATIONS}|app|bench|e2e)/`, pathNot: '^$1/' },
    },
    {
      name: 'query-api-reads-only',
      comment: 'query-api may import the rows of a read model from projections, and no other application.',
      severity: 'error',
      from: { path: '^query-api/' },
      to: { path: '^(command-api|process-managers|realtime|app|bench|e2e)/' },
    },
    {
      name: 'infra-knows-no-feature',
      comment: 'Everything that knows a vendor knows no feature: infra imports only the kernel of the domain.',
      severity: 'error',
      from: { path: '^infra/', pathNot: '\\.spec\\.ts$' },
      to: { path: `^(domain/(?!kernel/)|${APPLICATIONS}|app|bench|e2e)` },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle is one thing in two files, or two things that do not know which is first.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that cannot be resolved is not checked by any rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
