// Preloaded into every process of an installation (NODE_OPTIONS=--import=file://…/moved-clock.mjs?offsets=/path): moves the clock of a
// service as a wrong clock of its machine would be, from the start on and while it runs. The file holds milliseconds by
// `<service>-<instance>`; a service that is not in it keeps its clock. What a service's clock says is written beside the file. What is monotonic goes on as before, as it does on a real machine.
import { readFileSync, writeFileSync } from 'node:fs';

const LOOK_EVERY_MS = 100;
const file = new URL(import.meta.url).searchParams.get('offsets');
const service = /[/\\]apps[/\\]([a-z-]+)[/\\]src[/\\]main\.js$/.exec(process.argv[1] ?? '')?.[1];
const name = `${service}-${process.env['PALISADE_SERVICE_INSTANCE'] ?? '0'}`;

if (file !== null && service !== undefined) move(file);

function move(path) {
  const RealDate = Date;
  const timeOrigin = performance.timeOrigin;
  let offset = 0;
  const read = () => {
    try {
      const told = Number(JSON.parse(readFileSync(path, 'utf8'))[name] ?? 0);
      if (told === offset) return;
      offset = told;
      writeFileSync(`${path}.${name}`, String(Date.now()));
    } catch {
      // It is being replaced: what was read before holds until the next look.
    }
  };
  // A proxy: what is made by Node itself stays an instance of Date.
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, values, made) => Reflect.construct(target, values.length === 0 ? [target.now() + offset] : values, made),
    apply: (target) => new target(target.now() + offset).toString(),
    get: (target, key, of) => (key === 'now' ? () => target.now() + offset : Reflect.get(target, key, of)),
  });
  read();
  setInterval(read, LOOK_EVERY_MS).unref();
  Object.defineProperty(performance, 'timeOrigin', { get: () => timeOrigin + offset, configurable: true });
}
