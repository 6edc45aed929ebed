import { groups } from './variables.ts';

/** The text of .env.example: every variable with what it is for. Those that may be left out are commented out. */
export function envExample(): string {
  const lines = ['# Every variable of the system. `npm run env:example` writes this file from infra/config/variables.ts.'];
  for (const [group, members] of Object.entries(groups)) {
    lines.push('', `# --- ${group} ---`);
    for (const [name, { about, schema, example }] of Object.entries(members)) {
      const optional = schema.safeParse(undefined).success;
      lines.push(`# ${about}`, `${optional ? '# ' : ''}${name}=${example}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
