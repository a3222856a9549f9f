/** Remembers the routes, to tell a path that does not exist (404) from one that has other methods (405). */
export class AllowedMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** Takes a route in find-my-way's notation: literals and `:name` segments. Catch-alls are not remembered. */
  add(url: string, methods: readonly string[]): void {
    if (url.includes('*')) return;
    const segments = url
      .split('/')
      .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
    this.#routes.push({ pattern: new RegExp(`^${segments.join('/')}$`), methods });
  }

  /** The methods that the path of this URL has, sorted; empty for a path that does not exist. */
  of(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const methods = this.#routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  }
}
