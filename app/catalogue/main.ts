import { writeFileSync } from 'node:fs';
import { declarations } from './declarations.ts';
import { renderCatalogue } from './catalogue.ts';

writeFileSync('domain/README.md', renderCatalogue(declarations));
