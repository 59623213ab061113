// Writes src/twocaptcha.ts: the types of the provider's workflows, activities, status, signal and
// errors, from the JSON Schemas in this repository. Copy the schemas to use this elsewhere.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { compile } from 'json-schema-to-typescript';

const folder = new URL('../../../schemas/', import.meta.url);
const schemas = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file.slice(0, -'.json'.length), JSON.parse(readFileSync(new URL(file, folder), 'utf8'))]),
);

let source = '// Made by npm run types: do not edit.\n\n';
for (const [name, schema] of schemas) {
  source += await compile(schema, name, {
    additionalProperties: false, // else every misspelled property would be one of an open schema
    unreachableDefinitions: true, // of the error types
    bannerComment: '',
    style: { singleQuote: true },
  });
}

// Workflows have names of upper case, activities those of the service's methods.
const functions = [...schemas.keys()].filter((name) => name.endsWith('.output')).map((name) => name.slice(0, -'.output'.length));
const signature = (name) => {
  const input = schemas.get(`${name}.input`);
  return `(${input ? `input: ${input.title}` : ''}) => Promise<${schemas.get(`${name}.output`).title}>`;
};
const isWorkflow = (name) => /^[A-Z]/.test(name);
for (const name of functions.filter(isWorkflow)) {
  source += `export type ${name} = ${signature(name)};\n`;
}
source += '\nexport interface Activities {\n';
for (const name of functions.filter((name) => !isWorkflow(name))) {
  source += `  ${name}: ${signature(name)};\n`;
}
source += '}\n';

writeFileSync(new URL('../src/twocaptcha.ts', import.meta.url), source);
