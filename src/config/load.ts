import { readFile } from 'node:fs/promises';
import { LineCounter, isNode, isMap, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { GaussituError } from '../errors.js';
import { nearest } from './nearest.js';
import { KNOWN_KEYS, runFileSchema, type RunFile } from './schema.js';

/** Reads run.yaml. Throws INVALID_CONFIG naming file, line and key. */
export async function loadRunFile(path: string): Promise<RunFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new GaussituError('INVALID_CONFIG', `cannot read run file ${path}`, {
      received: (cause as Error).message,
      cause,
    });
  }
  return parseRunFile(text, path);
}

export function parseRunFile(text: string, path = 'run.yaml'): RunFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const syntax = document.errors[0];
  if (syntax) {
    const at = lines.linePos(syntax.pos[0]);
    throw new GaussituError('INVALID_CONFIG', `${path}:${at.line}:${at.col}`, {
      expected: 'YAML',
      received: syntax.message.split('\n')[0] ?? syntax.code,
    });
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    throw new GaussituError('INVALID_CONFIG', path, {
      expected: 'plain YAML',
      received: (cause as Error).message,
    });
  }
  const parsed = runFileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw issueError(path, document, lines, content, issue);
}

function issueError(
  path: string,
  document: Document,
  lines: LineCounter,
  content: unknown,
  issue: z.core.$ZodIssue | undefined,
): GaussituError {
  const keys = (issue?.path ?? []).filter((key) => typeof key !== 'symbol');
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const full = unknown === undefined ? keys : [...keys, unknown];
  const at = lines.linePos(offsetOf(document, full));
  const where = `${path}:${at.line}:${at.col}: ${full.map(String).join('.') || 'the file'}`;
  if (unknown !== undefined) {
    const known = keys[0] === 'fields' ? KNOWN_KEYS.field : KNOWN_KEYS.top;
    const guess = nearest(unknown, known);
    return new GaussituError('INVALID_CONFIG', where, {
      expected: `one of ${known.join(', ')}`,
      received: unknown,
      hint: guess === undefined ? undefined : `did you mean ${guess}?`,
    });
  }
  let value: unknown = content;
  for (const key of keys) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return new GaussituError('INVALID_CONFIG', where, {
    expected: (issue?.message ?? 'a valid value').replace(/^Invalid input: expected /, ''),
    received: JSON.stringify(value) ?? 'nothing',
  });
}

/** Where the key (or, failing that, the nearest enclosing node) stands in the text. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const parent = depth > 0 ? document.getIn(path.slice(0, depth - 1), true) : undefined;
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isNode(item.key) && String(item.key) === String(path[depth - 1]),
      );
      if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
