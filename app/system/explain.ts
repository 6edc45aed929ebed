/**
 * Why a program cannot start or go on, in words for the person who started it: the reasons, one a line, without a stack. The stack is shown when
 * LOG_LEVEL asks for details.
 */
export function explain(error: unknown): string {
  if (['debug', 'trace'].includes(process.env['LOG_LEVEL'] ?? ''))
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  return [...new Set(reasonsOf(error))].join('\n');
}

function reasonsOf(error: unknown): string[] {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(reasonsOf);
  if (!(error instanceof Error)) return [String(error)];
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error)
    return [
      `Port ${String(error.port)} is taken, perhaps by another Chalkstream. Stop that one, or set PUBLIC_PORT or INTERNAL_PORT to a free port.`,
    ];
  return [error.message, ...(error.cause === undefined ? [] : reasonsOf(error.cause))];
}
