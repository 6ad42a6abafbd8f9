from ncclient import manager
from ncclient.operations import RPCError

with manager.connect(
    host="server",
    port=830,
    username="bob",
    password="secret",
    hostkey_verify=False,
    allow_agent=False,
    look_for_keys=False,
    timeout=30,
) as box:
    print(sorted(box.server_capabilities))
    print(box.get_config("running").data_xml)
    print(
        box.edit_config(
            target="running", config="<config><system xmlns='urn:box'><name>cup</name></system></config>"
        ).ok
    )
    print(box.get_config("running").data_xml)
    try:
        box.lock("running")
    except RPCError as error:
        print(error.tag)
