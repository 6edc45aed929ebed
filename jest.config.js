/** Specs run as native ES modules; one config for units (`*.spec.ts`), engines (`*.int.spec.ts`) and stories (`*.e2e.spec.ts`). */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '@swc/jest' },
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/data/'],
  modulePathIgnorePatterns: ['<rootDir>/data/'],
  testTimeout: 30_000,
};
