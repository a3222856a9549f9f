import type { Leak, NumberScan } from './number-scan.js';

/** As much of an OpenAPI document as tells what can be read. */
export interface RoutesDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly unknown[] }>>>>;
}
export interface AnswerSeen {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}
/** Somebody who may see no whole number, signed in. */
export type AskMasked = (path: string) => Promise<AnswerSeen>;

export interface AnswersSeen {
  readonly leaks: readonly Leak[];
  readonly answers: number;
  /** Routes (`/v1/contacts/{id}`) of which nothing answered 200. */
  readonly unseen: readonly string[];
}

/** No data of people, or an answer that does not end; what a stream holds is looked at where its reader is. */
const NOT_ASKED = /^(?:\/docs|\/openapi\.json|\/health\/.*|\/metrics)$|\/stream$/;
const PAGES = 10;
/** What every list is asked for besides. */
const VARIATIONS = ['deleted=true', 'count=true', 'sort=name', 'sort=title', 'q=a', 'q=%D0%B0'];
/** Where the records are that a path or a parameter speaks of. */
const SUBJECTS: Readonly<Record<string, string>> = { userId: '/v1/users', contactId: '/v1/contacts' };

/**
 * Reads every route that the document tells of, as somebody who may see no whole number: lists page by page, then what hangs on the ids
 * found there, of `most` records at most for each route. Opening a card is recorded as always.
 */
export async function scanAnswers(
  scan: NumberScan,
  ask: AskMasked,
  document: RoutesDocument,
  most: number,
): Promise<AnswersSeen> {
  const leaks: Leak[] = [];
  const seen = new Set<string>();
  const ids = new Map<string, string[]>();
  let answers = 0;
  const look = async (route: string, path: string): Promise<AnswerSeen> => {
    const answer = await ask(path);
    answers += 1;
    if (answer.status === 200) seen.add(route);
    leaks.push(...scan.scan(`answer of GET ${route}`, `${answer.text}\n${JSON.stringify([...answer.headers])}`));
    return answer;
  };
  const routes = Object.keys(document.paths).filter(
    (path) => document.paths[path]?.['get'] !== undefined && !NOT_ASKED.test(path),
  );
  for (const route of routes.filter((path) => !path.includes('{'))) {
    ids.set(route, await readPages((query) => look(route, route + query)));
    if (ids.get(route)?.length !== 0) for (const query of VARIATIONS) await look(route, `${route}?${query}`);
  }
  for (const route of routes.filter((path) => !path.includes('{'))) {
    for (const [parameter, subject] of Object.entries(SUBJECTS)) {
      if (!names(document, route, parameter)) continue;
      for (const id of (ids.get(subject) ?? []).slice(0, most)) await look(route, `${route}?${parameter}=${id}`);
    }
  }
  const now = encodeURIComponent(new Date().toISOString());
  for (const route of routes.filter((path) => path.includes('{'))) {
    const known = ids.get(route.slice(0, route.indexOf('/{'))) ?? [];
    for (const id of known.slice(0, most)) {
      const path = route.replace(/\{[^}]+\}/, id);
      await look(route, path);
      if (names(document, route, 'at')) await look(route, `${path}?at=${now}`);
    }
  }
  return { leaks, answers, unseen: routes.filter((route) => !seen.has(route)) };
}

function names(document: RoutesDocument, route: string, parameter: string): boolean {
  const parameters = document.paths[route]?.['get']?.parameters ?? [];
  return parameters.some((one) => (one as { name?: unknown }).name === parameter);
}

/** The ids of a list, page after page; none of what is no list. */
async function readPages(look: (query: string) => Promise<AnswerSeen>): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 0, query = ''; page < PAGES; page += 1) {
    const { text } = await look(query);
    const { items, nextCursor } = listOf(text);
    ids.push(...items);
    if (nextCursor === null) break;
    query = `?cursor=${encodeURIComponent(nextCursor)}`;
  }
  return ids;
}

function listOf(text: string): { items: string[]; nextCursor: string | null } {
  try {
    const { items, nextCursor } = JSON.parse(text) as { items?: unknown; nextCursor?: unknown };
    const ids = Array.isArray(items) ? items.map((item: { id?: unknown }) => item.id) : [];
    return {
      items: ids.filter((id) => typeof id === 'string'),
      nextCursor: typeof nextCursor === 'string' ? nextCursor : null,
    };
  } catch {
    return { items: [], nextCursor: null };
  }
}
