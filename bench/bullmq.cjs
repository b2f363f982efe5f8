// Creates COUNT jobs and works them off, CONCURRENCY at a time both, in this one process:
// node bullmq.cjs SOCKET QUEUE COUNT CONCURRENCY. Prints jobs a second.
'use strict';
const { Queue, Worker } = require('bullmq');

async function main(path, name, count, concurrency) {
    const connection = { path, maxRetriesPerRequest: null };
    const queue = new Queue(name, { connection });
    const worker = new Worker(name, async () => 'done',
                              { connection: { ...connection }, concurrency, autorun: false });
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);

    const begun = process.hrtime.bigint();
    let created = 0;
    const create = async () => {
        while (created < count) {
            created++;
            await queue.add('t', { payload: 'a small payload' });
        }
    };
    await Promise.all(Array.from({ length: concurrency }, create));
    await new Promise((resolve, reject) => {
        let completed = 0;
        worker.on('completed', () => { if (++completed === count) resolve(); });
        worker.on('failed', (job, error) => reject(error));
        worker.run().catch(reject);
    });
    console.log(count / (Number(process.hrtime.bigint() - begun) / 1e9));

    await worker.close(true);
    await queue.obliterate({ force: true, count: 100000 });
    await queue.close();
}

const [path, name, count, concurrency] = process.argv.slice(2);
main(path, name, Number(count), Number(concurrency)).catch((error) => {
    console.error(error.message);
    process.exit(1);
});
