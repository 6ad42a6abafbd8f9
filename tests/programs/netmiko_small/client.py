from netmiko import ConnectHandler, NetmikoAuthenticationException

try:
    ConnectHandler(device_type="cisco_ios", host="server", username="bob", password="wrong")
except NetmikoAuthenticationException as error:
    print(type(error).__name__)
with ConnectHandler(
    device_type="cisco_ios", host="server", username="bob", password="secret", fast_cli=False
) as box:
    print(box.find_prompt())
    print(len(box.send_command("show version").splitlines()))
    box.send_config_set(["hostname cup"])
    box.set_base_prompt()
    print(box.find_prompt(), box.send_command("show nothing"))
