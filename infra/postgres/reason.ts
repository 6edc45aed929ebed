/** An error as it may be stored and shown: short, without addresses of people, and nothing that Postgres would refuse. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text
    .replace(/[^\s@"'<>]+@[^\s@"'<>]+/g, '[address]')
    .replaceAll('\u0000', '')
    .slice(0, 500);
}
