from grpclib.encoding.base import CodecBase


class BytesCodec(CodecBase):
    __content_subtype__ = "bytes"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data
