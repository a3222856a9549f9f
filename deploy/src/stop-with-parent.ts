/**
 * Loaded before a service (`node --import`). When the process that started it dies without a word, the service is asked to stop as
 * by SIGTERM: nobody would restart it, and the next start would find its ports taken.
 */
if (process.channel !== undefined && process.channel !== null) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
