/** A bare grpc-js server that answers what it is asked: what no server on grpc-js can be faster than. Prints its port. */
import { Server, ServerCredentials } from '@grpc/grpc-js';

const same = (bytes) => bytes;
const server = new Server();
server.addService(
  {
    echo: {
      ...{ path: '/echo.Echo/Echo', requestStream: false, responseStream: false },
      ...{
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
  },
  { echo: (call, callback) => callback(null, call.request) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
