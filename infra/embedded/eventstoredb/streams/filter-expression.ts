import { status } from '@grpc/grpc-js';
import { setFlagsFromString } from 'node:v8';
import { RpcError } from '../wire/rpc-error.ts';

// A search that goes back and forth too long is done again by V8's linear engine, so that no client can keep the server busy with `(a+)+$`.
setFlagsFromString('--enable-experimental-regexp-engine');
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

/** Where .NET and JavaScript give a pattern different meanings without either of them complaining. */
const dotnetOnly = /\\[AZzGpPaeXRKHQEx]/;

/** What JavaScript only knows in its Unicode mode. */
const unicodeOnly = /\\p\{|\\u\{/i;

/** @throws RpcError INVALID_ARGUMENT for what does not compile, means something else in .NET, or may take exponential time */
export function filterExpression(source: string): RegExp {
  const expression = compile(source);
  if (!isLinear(expression) && repeatsRepetition(source)) throw invalid(source, 'it may take exponential time');
  return expression;
}

function compile(source: string): RegExp {
  try {
    const strict = new RegExp(source, 'u');
    // .NET matches UTF-16 units, as JavaScript does without the flag, and the linear engine knows no other way.
    return unicodeOnly.test(source) ? strict : new RegExp(source);
  } catch (error) {
    // .NET allows needless escapes such as `\-`, which JavaScript only does without the flag.
    if (dotnetOnly.test(source)) throw invalid(source, error);
  }
  try {
    return new RegExp(source);
  } catch (error) {
    throw invalid(source, error);
  }
}

function isLinear(expression: RegExp): boolean {
  try {
    return new RegExp(expression.source, `${expression.flags}l`).source !== '';
  } catch {
    return false;
  }
}

/** Whether something is repeated that has repetitions or alternatives in it. */
function repeatsRepetition(source: string): boolean {
  const plain = source.replace(/\\./gs, 'x').replace(/\[[^\]]*\]/g, 'x');
  const open = [{ varies: false }];
  for (const [token] of plain.matchAll(/\(\?<?[=!:]|\(\?<\w+>|\(|\)[*+{]?|[*+|]|\{\d/g)) {
    const innermost = open.at(-1);
    if (token.startsWith('(')) open.push({ varies: false });
    else if (!token.startsWith(')')) {
      if (innermost) innermost.varies = true;
    } else if (open.length > 1) {
      const closed = open.pop();
      if (closed?.varies && token.length > 1) return true;
      const around = open.at(-1);
      if (around && (closed?.varies || token.length > 1)) around.varies = true;
    }
  }
  return false;
}

function invalid(source: string, error: unknown): RpcError {
  const reason = error instanceof Error ? error.message : String(error);
  return new RpcError(status.INVALID_ARGUMENT, `The regular expression ${JSON.stringify(source.slice(0, 200))} cannot be used: ${reason}`);
}
