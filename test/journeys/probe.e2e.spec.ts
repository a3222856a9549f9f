import { HttpClient, startSystem } from '#testing';
it('starts', async () => {
  const t = Date.now();
  const system = await startSystem();
  console.log('ready', Date.now() - t, system.output);
  const admin = await new HttpClient(system.gatewayUrl).signIn(system.admin.email, system.admin.password);
  console.log(JSON.stringify((await admin.get('/v1/me')).body).slice(0, 300));
  const api = await admin.get<any>('/openapi.json');
  console.log(Object.entries(api.body.paths).flatMap(([p, m]) => Object.keys(m as object).map((x) => x + ' ' + p)).join('\n'));
  await system.stop();
}, 120000);
