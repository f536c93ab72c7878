// A handler that is a Node HTTP function, as function hosts call them: one export that takes a request and a response.
// It understands plain payloads and CloudEvents in both modes.
//
//     node samples/handlers/function.js 8080
//     simctl trigger onUserUpdate --to http://127.0.0.1:8080/ --cloudevents binary
//
// Without a port it takes a free one, and says which.

'use strict';

const http = require('http');

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function answer(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

async function onUserEvent(request, response) {
  let body;
  try {
    body = await read(request);
  } catch (error) {
    return answer(response, 400, { error: error.message });
  }
  const isStructured = (request.headers['content-type'] || '').startsWith('application/cloudevents+json');
  const payload = isStructured ? body.data : body;
  const id = isStructured ? body.id : request.headers['ce-id'];
  if (!payload.data || !payload.data.user) {
    return answer(response, 422, { error: 'there is no user in this event' });
  }
  answer(response, 200, { event: payload.event, user: payload.data.user.id, id });
}

exports.onUserEvent = onUserEvent;

if (require.main === module) {
  const server = http.createServer(onUserEvent);
  server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}/`);
  });
}
