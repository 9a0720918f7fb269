import asyncio

contacts = {}


def answer(message):
    verb, *fields = message.split(';')
    if verb == 'add' and len(fields) == 2:
        contacts[fields[0]] = fields[1]
        return fields[0] + ' added!'
    if verb == 'find' and len(fields) == 1:
        return contacts.get(fields[0], 'Not Found!')
    if verb == 'remove' and len(fields) == 1:
        return fields[0] + ' removed!' if contacts.pop(fields[0], None) else 'Not Found!'
    return 'received %s;' % message


async def serve(reader, writer):
    writer.write(b'Welcome!')
    try:
        while True:
            data = await reader.read(1024)
            message = data.decode('utf-8', 'replace')
            if not data or message == 'exit':
                break
            writer.write(answer(message).encode('utf-8'))
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, '127.0.0.1', 9999)
    async with server:
        await server.serve_forever()


asyncio.run(main())
