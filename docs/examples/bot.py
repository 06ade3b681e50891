# Answers "!hello" in a room: python3 bot.py URL TOKEN ROOM
import json, sys, time, websocket  # Debian: python3-websocket
url, token, room = sys.argv[1:]
last = {}  # afterSeq, once known: what comes while the line is cut is given later
while True:
    try:
        line = websocket.create_connection(url.replace("http", "ws") + "/ws", subprotocols=["starling.v1"])
        say = lambda type, **fields: line.send(json.dumps({"type": type, **fields}))
        say("auth", token=token)
        while frame := json.loads(line.recv()):
            if frame["type"] == "auth_success": say("join_room", roomId=room, **last)
            if frame["type"] == "room_joined": last.setdefault("afterSeq", frame["headSeq"])
            if frame.get("content") == "!hello": say("chat_message", roomId=room, content=f"Hello, {frame['senderUsername']}!", clientMessageId=f"hello-{frame['id']}")
            if "senderId" in frame: last["afterSeq"] = frame["seq"]
    except (OSError, ValueError, websocket.WebSocketException): time.sleep(1)
