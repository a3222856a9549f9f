import type { OpenApiDocument, OpenApiOperation } from './document.js';

/** The page needs no script and no other host; its style is its own. */
export const DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
  h2 { margin-top: 2rem; border-bottom: 1px solid #d0d7de; }
  summary { cursor: pointer; padding: .3rem 0; }
  .method { display: inline-block; width: 4.5rem; font-weight: 600; color: #0550ae; }
  code, pre { font: 13px/1.4 ui-monospace, monospace; }
  pre { background: #f6f8fa; padding: .7rem; overflow-x: auto; }
  @media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } pre { background: #161b22; } .method { color: #79c0ff; } }
`;

/** The document as a page to read. */
export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))].sort();
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag));
    return `<h2>${escape(tag)}</h2>${own.map(({ path, method, operation }) => entry(path, method, operation)).join('')}`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(document.info.title)} API</title><style>${STYLE}</style></head><body>
<h1>${escape(document.info.title)} API</h1><p>${escape(document.info.description)} <a href="/openapi.json">openapi.json</a></p>
${sections.join('\n')}</body></html>`;
}

function entry(path: string, method: string, operation: OpenApiOperation): string {
  const { summary, description = '', parameters = [], requestBody, responses } = operation;
  const part = (title: string, value: unknown): string => `<h4>${title}</h4><pre>${escape(JSON.stringify(value, null, 2))}</pre>`;
  return `<details><summary><span class="method">${method.toUpperCase()}</span> <code>${escape(path)}</code> ${escape(summary)}</summary>
<p>${escape(description)}</p>${parameters.length === 0 ? '' : part('Parameters', parameters)}
${requestBody === undefined ? '' : part('Body', requestBody)}${part('Answers', responses)}</details>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
