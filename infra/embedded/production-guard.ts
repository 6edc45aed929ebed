/**
 * Stand-ins must never serve a production system by accident: with NODE_ENV=production one starts only when its name is in
 * EMBEDDED_IN_PRODUCTION (comma-separated).
 */
export function refuseInProduction(name: string): void {
  if (process.env['NODE_ENV'] !== 'production') return;
  const allowed = (process.env['EMBEDDED_IN_PRODUCTION'] ?? '').split(',').map((entry) => entry.trim());
  if (allowed.includes(name)) return;
  throw new Error(
    `the embedded ${name} does not start with NODE_ENV=production; name it in EMBEDDED_IN_PRODUCTION to start it all the same`,
  );
}
