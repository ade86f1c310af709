/** Copies the TSDoc of the contract's types into their JSON Schemas: descriptions, and defaults. */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

type Schema = Record<string, unknown>;

const CONTRACT = new URL('../../src/contract/', import.meta.url);

/** Types of the contract by name. */
const TYPES = new Map(
  readdirSync(CONTRACT)
    .map((file) =>
      ts.createSourceFile(file, readFileSync(new URL(file, CONTRACT), 'utf8'), ts.ScriptTarget.ES2023, true),
    )
    .flatMap(({ statements }) => [...statements])
    .filter((statement) => ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
    .map((type) => [type.name.text, type] as const),
);

/** Adds what the TSDoc of a type says to its schema, and to those of the fields and types in it. */
export function documentType(name: string, schema: Schema, root: Schema): void {
  const type = TYPES.get(name);
  if (type === undefined) throw new Error(`The contract has no type ${name}`);
  if (schema['description'] !== undefined) return;
  describe(schema, type);
  document(ts.isInterfaceDeclaration(type) ? type : type.type, schema, root);
}

function document(node: ts.Node, schema: Schema, root: Schema): void {
  if (ts.isInterfaceDeclaration(node) || ts.isTypeLiteralNode(node)) {
    for (const member of node.members) if (ts.isPropertySignature(member)) documentField(member, schema, root);
  } else if (ts.isArrayTypeNode(node)) {
    document(node.elementType, schema['items'] as Schema, root);
  } else if (ts.isTypeReferenceNode(node)) {
    const definition = referenced(schema, root);
    if (definition !== undefined) documentType(node.getText(), definition, root);
  }
}

function documentField(field: ts.PropertySignature, schema: Schema, root: Schema): void {
  const name = field.name.getText();
  const property = (schema['properties'] as Record<string, Schema> | undefined)?.[name];
  if (property === undefined) throw new Error(`The schema lacks ${name}`);
  if (field.type !== undefined) document(field.type, property, root);
  describe(property, field);
}

/** The definition that a schema stands for; older drafts have nothing else next to a reference. */
function referenced({ $ref, allOf }: Schema, root: Schema): Schema | undefined {
  const path = $ref ?? (allOf as Schema[] | undefined)?.[0]?.['$ref'];
  if (typeof path !== 'string') return undefined;
  return (root['definitions'] as Record<string, Schema>)[path.replace('#/definitions/', '')];
}

function describe(schema: Schema, node: ts.Node): void {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = plain(ts.getTextOfJSDocComment(comment?.comment));
  const said = comment?.tags?.find(({ tagName }) => tagName.text === 'default');
  const fallback = said === undefined ? undefined : valueOf(plain(ts.getTextOfJSDocComment(said.comment)));
  const words = typeof fallback === 'string' ? [text, `Default: ${fallback}.`] : [text];
  const description = words.filter((part) => part !== '').join(' ');
  if (description === '' && fallback === undefined) return;
  if (typeof schema['$ref'] === 'string') {
    schema['allOf'] = [{ $ref: schema['$ref'] }];
    delete schema['$ref'];
  }
  if (description !== '') schema['description'] = description;
  if (typeof fallback === 'object') schema['default'] = fallback.value;
}

/** On one line, with the names that links lead to. */
function plain(text = ''): string {
  return text
    .replaceAll(/\{@link +([^}]+?) *\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** A value, as JSON has it; a text for a default in words. */
function valueOf(text: string): { value: unknown } | string {
  const quoted = /^'([^']*)'$/.exec(text);
  if (quoted !== null) return { value: quoted[1] };
  try {
    return { value: JSON.parse(text.replaceAll(/(?<=\d),(?=\d{3})/g, '')) as unknown };
  } catch {
    return text;
  }
}
