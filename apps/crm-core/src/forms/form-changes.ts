/** Tells who listens that a form was made or changed, after the commit. */
export class FormChanges {
  private readonly listeners = new Set<() => void>();

  onChanged(listener: () => void): void {
    this.listeners.add(listener);
  }

  announce(): void {
    for (const listener of this.listeners) listener();
  }
}
