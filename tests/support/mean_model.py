"""The smallest classifier: score = mean grey level / 255 of each crop."""

from functools import cache


@cache
def mean_model() -> bytes:
    """Return its ONNX file, for crops of 16 px."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["crops"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["score"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [255.0]),
    ]
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])
    images = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", 16, 16, 3])
    graph = helper.make_graph(nodes, "mean", [images], [score], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content
